import { stopsInForce } from './live_stops.js';

/**
 * Lets a table of modules follow the hub: changes of rows it shows are drawn in place; what may change which rows are
 * shown, or their order, makes it ask again.
 *
 * @param {import('./carillon.js').Carillon} hub
 * @param {import('../components/data-table.js').DataTable} table
 * @returns {() => void} Stops following.
 */
export function followModules(hub, table) {
  const mark = () => table.redraw();
  stopsInForce.addEventListener('changed', mark);
  const stops = [
    () => stopsInForce.removeEventListener('changed', mark),
    hub.on('welcome', () => table.recover()),
    hub.on('rt_module_online', ({ moduleId, lastSeen }) => change(table, moduleId, { status: 'online', lastSeen })),
    hub.on('rt_module_offline', ({ moduleId, disconnectedAt, lastSeen }) =>
      change(table, moduleId, { status: 'offline', lastSeen: lastSeen ?? disconnectedAt }),
    ),
    hub.on('rt_telemetry_updated', ({ moduleId, telemetry }, { at }) =>
      table.patch(moduleId, { telemetry, lastSeen: at }),
    ),
    hub.on('rt_module_updated', ({ moduleId, name, type, userId }) => change(table, moduleId, { name, type, userId })),
    hub.on('rt_module_added', () => table.refresh()),
    hub.on('rt_module_removed', () => table.refresh()),
  ];
  return () => stops.forEach((stop) => stop());
}

function change(table, moduleId, facts) {
  table.change(moduleId, Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined)));
}
