import { api, ApiError, apiEvents } from './api.js';
import { Carillon, CloseCode } from './carillon.js';
import { Listeners } from './listeners.js';
import { forget, recall, remember } from './preferences.js';

/** A page on a wall has nobody to press its button. */
const OFFLINE_RETRY_MS = 30000;

/**
 * Who is logged in, and this tab's one connection to the hub.
 *
 * Fires `signedIn`, `signedOut` (with `detail.ended` when the hub ended the login), `renamed`, `lost` and `synchronised`.
 */
class Session extends EventTarget {
  #user = null;
  /** @type {Carillon | null} */
  #hub = null;
  /** @type {Listeners | null} */
  #listeners = null;

  constructor() {
    super();
    apiEvents.addEventListener('signedOut', () => this.#end(true));
  }

  /** The person: `{id, name, email, isAdmin, roles}`, or null. */
  get user() {
    return this.#user;
  }

  /** The live connection; only there while somebody is logged in. */
  get hub() {
    return this.#hub;
  }

  /**
   * Listens to a topic, beside whoever else on the page does; answers what stops it.
   *
   * @param {string} topic
   * @param {{maxRate?: number | null}} [options]
   */
  listen(topic, options) {
    return this.#listeners.add(topic, options);
  }

  /** Finds out who the cookie belongs to. Without a trace of an earlier login nobody is asked. */
  async resume() {
    if (!recall('signedIn')) return;
    try {
      this.#begin(await api.get('/auth/me', { expectUnknown: true }));
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 401) throw error;
      forget('signedIn');
    }
  }

  async logIn(email, password) {
    this.#begin((await api.post('/auth/login', { email, password }, { expectUnknown: true })).user);
  }

  async setUp(token, { email, name, password }) {
    this.#begin((await api.post('/auth/setup', { token, email, name, password }, { expectUnknown: true })).user);
  }

  async logOut() {
    await api.post('/auth/logout', undefined, { expectUnknown: true }).catch((error) => {
      if (error.status !== 401) throw error;
    });
    this.#end(false);
  }

  /** Takes over a changed profile. */
  update(user) {
    this.#user = { ...this.#user, ...user };
    this.dispatchEvent(new Event('renamed'));
  }

  #begin(user) {
    this.#user = user;
    remember('signedIn', 'yes');
    this.#hub = this.#connection();
    this.#listeners = new Listeners(this.#hub);
    this.#hub.connect();
    // Owners hear of their alarms and stops on every page without asking; who sees all modules asks once.
    if (user.isAdmin) this.listen('alarms');
    this.dispatchEvent(new Event('signedIn'));
  }

  #connection() {
    const hub = new Carillon({
      offlineRetryDelay: OFFLINE_RETRY_MS,
      onSyncComplete: (server, client) =>
        this.dispatchEvent(new CustomEvent('synchronised', { detail: { server, client } })),
      onHandshakeFailed: () => this.#stillKnown(),
    });
    hub.on('closed', ({ code }) => {
      if (code === CloseCode.LOGIN_ENDED) this.#end(true);
    });
    hub.on('rt_user_profile_updated', (data) => {
      if (data.id === this.#user?.id) this.update({ name: data.name, email: data.email });
    });
    return hub;
  }

  // A refused handshake does not say why to a page: a login that ended meanwhile shows itself here.
  async #stillKnown() {
    if (navigator.onLine) await api.get('/auth/me').catch(() => {});
  }

  #end(ended) {
    if (!this.#user) return;
    this.#hub?.close();
    this.#hub = null;
    this.#listeners = null;
    this.#user = null;
    forget('signedIn');
    this.dispatchEvent(new CustomEvent('signedOut', { detail: { ended } }));
  }
}

/** The one session of this tab. */
export const session = new Session();
