/**
 * What this tab knows of every module it may see, from the snapshot and the events of the topic `modules`: enough to
 * count them, to name their types and to draw the overview. Lists come from the hub, page by page.
 *
 * Fires `changed` (the set of modules or a status), `heard` (detail: id; telemetry came) and `restored` (a snapshot came).
 */
export class Directory extends EventTarget {
  #modules = new Map();
  #stops = [];

  /** @param {import('./session.js').session} session */
  follow(session) {
    const { hub } = session;
    this.#stops = [
      hub.on('snapshot', ({ topic, data }) => topic === 'modules' && this.#restore(data.modules)),
      hub.on('rt_module_online', (data) => this.#set(data.moduleId, { status: 'online' })),
      hub.on('rt_module_offline', (data) => this.#set(data.moduleId, { status: 'offline' })),
      hub.on('rt_module_added', (data) =>
        this.#set(data.moduleId, { type: data.type, name: data.name, status: data.status ?? 'offline' }),
      ),
      hub.on('rt_module_updated', (data) => this.#set(data.moduleId, { type: data.type, name: data.name })),
      hub.on('rt_module_removed', (data) => this.#remove(data.moduleId)),
      hub.on('rt_telemetry_updated', (data) => this.#heard(data.moduleId)),
      session.listen('modules'),
    ];
  }

  /** Stops following, and gives the topic up. */
  leave() {
    for (const stop of this.#stops) stop();
  }

  get size() {
    return this.#modules.size;
  }

  get online() {
    return [...this.#modules.values()].filter(({ status }) => status === 'online').length;
  }

  /** The types there are, in order. */
  get types() {
    return [...new Set([...this.#modules.values()].map(({ type }) => type))].sort((a, b) => a.localeCompare(b));
  }

  /** Ids with name and status, in order of id. */
  get entries() {
    return [...this.#modules].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  #restore(modules = []) {
    this.#modules = new Map(modules.map(({ moduleId, name, type, status }) => [moduleId, { name, type, status }]));
    this.dispatchEvent(new Event('restored'));
    this.dispatchEvent(new Event('changed'));
  }

  #set(id, change) {
    this.#modules.set(id, { status: 'offline', ...this.#modules.get(id), ...change });
    this.dispatchEvent(new Event('changed'));
  }

  #remove(id) {
    this.#modules.delete(id);
    this.dispatchEvent(new Event('changed'));
  }

  #heard(id) {
    this.dispatchEvent(new CustomEvent('heard', { detail: id }));
  }
}
