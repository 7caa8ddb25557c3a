/**
 * Lets a table of modules follow the hub: changes of rows it shows are drawn in place; what may change which rows are
 * shown, or their order, makes it ask again.
 *
 * @param {import('./carillon.js').Carillon} hub
 * @param {{patch: (id: string, change: object) => boolean, refresh: () => void}} table
 * @returns {() => void} Stops following.
 */
export function followModules(hub, table) {
  const stops = [
    hub.on('rt_module_online', ({ moduleId, lastSeen }) => presence(table, moduleId, { status: 'online', lastSeen })),
    hub.on('rt_module_offline', ({ moduleId, disconnectedAt }) => presence(table, moduleId, { status: 'offline', lastSeen: disconnectedAt })),
    hub.on('rt_telemetry_updated', ({ moduleId, telemetry }, { at }) => table.patch(moduleId, { telemetry, lastSeen: at })),
    hub.on('rt_module_updated', ({ moduleId, name, type }) => presence(table, moduleId, { name, type })),
    hub.on('rt_module_added', () => table.refresh()),
    hub.on('rt_module_removed', () => table.refresh()),
  ];
  return () => stops.forEach((stop) => stop());
}

function presence(table, moduleId, change) {
  const known = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined && value !== null));
  table.patch(moduleId, known);
  table.refresh();
}
