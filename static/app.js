/**
 * The front end of Carillon: custom elements and ES modules, no build step.
 *
 * `lib/` knows the hub and the browser, `components/` are reused, `pages/` are whole screens, and this file joins them up.
 * What a person may do is decided by the hub; hiding a button is a courtesy.
 */
import { closeDialogs } from './components/modal-dialog.js';
import { toast } from './components/toast-stack.js';
import { h } from './lib/dom.js';
import { currentLanguage, languageChanges, t } from './lib/i18n.js';
import { navigate, navigation, routeOf, startRouting } from './lib/router.js';
import { session } from './lib/session.js';
import './components/app-shell.js';
import './pages/account-page.js';
import './pages/admin-page.js';
import './pages/alarms-page.js';
import './pages/client-page.js';
import './pages/login-page.js';
import './pages/lost-page.js';
import './pages/module-page.js';
import './pages/modules-page.js';
import './pages/retention-page.js';
import './pages/setup-page.js';
import './pages/stops-page.js';
import './pages/webhooks-page.js';

const OPEN_PAGES = ['login', 'setup', 'client', 'lost'];
const ADMIN_PAGES = ['admin', 'retention', 'webhooks'];
let wanted = '/modules';
let drawn = null;

function draw() {
  const route = routeOf(location.pathname);
  const inside = Boolean(session.user);
  if (route.page === 'home' || (inside && route.page === 'login'))
    return navigate(inside ? wanted : '/login', { replace: true });
  if (!inside && !OPEN_PAGES.includes(route.page)) return askToLogIn();
  closeDialogs();
  const page = ADMIN_PAGES.includes(route.page) && !session.user.isAdmin ? 'lost' : route.page;
  document.querySelector('app-shell').show(h(`${page}-page`, { 'data-module': route.moduleId }), route.page);
  document.title = `${t(`title.${page}`)} · Carillon`;
  if (drawn && drawn !== location.pathname) arrive();
  drawn = location.pathname;
  return undefined;
}

// A new page: the focus goes to its start, as it would after a full load.
function arrive() {
  scrollTo(0, 0);
  const main = document.querySelector('main');
  if (!main.contains(document.activeElement)) main.focus({ preventScroll: true });
}

function askToLogIn() {
  if (location.pathname !== '/') wanted = location.pathname + location.search;
  navigate('/login', { replace: true });
}

function whenSignedOut({ detail }) {
  closeDialogs();
  if (detail.ended) askToLogIn();
  else {
    wanted = '/modules';
    navigate('/login');
  }
  toast(t(detail.ended ? 'login.ended' : 'login.out'));
}

function whenSynchronised({ detail: { server, client } }) {
  if (server.recovered) toast(t('connection.recovered', { count: client.replayed }), 'good');
  else toast(t('connection.refreshed'), 'good');
}

async function start() {
  document.documentElement.lang = currentLanguage();
  startRouting();
  await session.resume().catch(() => toast(t('error.unreachable'), 'bad'));
  navigation.addEventListener('change', draw);
  languageChanges.addEventListener('change', draw);
  session.addEventListener('signedIn', () => navigate(wanted, { replace: true }));
  session.addEventListener('signedOut', whenSignedOut);
  session.addEventListener('synchronised', whenSynchronised);
  draw();
}

start();
