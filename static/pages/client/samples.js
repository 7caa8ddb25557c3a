/** The examples of the page of the client library; code is the same in every language. */

const page = `import { Carillon } from '/static/lib/carillon.js';

const rows = new Map();
const status = document.querySelector('#status');

const hub = new Carillon({
  topics: ['modules'],
  onSyncComplete: (server, client) => {
    status.textContent = server.recovered ? \`Live, \${client.replayed} caught up\` : 'Live, refreshed';
  },
});

hub.on('snapshot', ({ topic, data }) => {
  if (topic !== 'modules') return;
  rows.clear();
  for (const module of data.modules) rows.set(module.moduleId, module);
  draw();
});
hub.on('rt_module_online', ({ moduleId }) => change(moduleId, { status: 'online' }));
hub.on('rt_module_offline', ({ moduleId }) => change(moduleId, { status: 'offline' }));
hub.on('rt_telemetry_updated', ({ moduleId, telemetry }) => change(moduleId, { telemetry }));
hub.on('rt_module_added', (module) => change(module.moduleId, { status: 'offline', ...module }));
hub.on('rt_module_updated', ({ moduleId, ...facts }) => change(moduleId, facts));
hub.on('rt_module_removed', ({ moduleId }) => rows.delete(moduleId) && draw());

hub.on('state', ({ state, reason, retryAt }) => {
  const seconds = retryAt && Math.ceil((retryAt - Date.now()) / 1000);
  status.textContent = [state, reason, seconds && \`\${seconds} s\`].filter(Boolean).join(' · ');
});
hub.on('problem', (problem) => console.warn(problem.detail ?? problem.title));

hub.connect();

function change(moduleId, facts) {
  rows.set(moduleId, { moduleId, ...rows.get(moduleId), ...facts });
  draw();
}

function draw() {
  const lines = [...rows.values()].map((module) => {
    const line = document.createElement('li');
    line.textContent = \`\${module.name ?? module.moduleId}: \${module.status}\`;
    return line;
  });
  document.querySelector('#modules').replaceChildren(...lines);
}`;

const html = `<!doctype html>
<meta charset="utf-8">
<title>Modules</title>
<p id="status"></p>
<ul id="modules"></ul>
<script type="module" src="app.js"></script>`;

const node = `import { Carillon } from 'carillon-client';
import WebSocket from 'ws';

const url = 'https://hub.example.org';

async function token() {
  const answer = await fetch(\`\${url}/api/v1/auth/login\`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email: process.env.CARILLON_EMAIL, password: process.env.CARILLON_PASSWORD }),
  });
  if (!answer.ok) throw new Error(\`logging in answered \${answer.status}\`);
  return answer.json();
}

const hub = new Carillon({ url, token, WebSocket, topics: ['modules'] });
hub.on('rt_telemetry_updated', ({ moduleId, telemetry }) => console.log(moduleId, telemetry));
hub.on('state', ({ state, reason }) => console.error(state, reason ?? ''));
hub.connect();`;

const bookmark = `const kept = JSON.parse(sessionStorage.getItem('feed')) ?? { lines: [], bookmark: null };
const hub = new Carillon({ topics: ['custom:news'], bookmark: kept.bookmark });

hub.on('*', ({ event, data, at }) => kept.lines.push({ event, data, at }));
hub.on('gap', () => kept.lines.push({ event: 'gap' }));
addEventListener('pagehide', () => {
  sessionStorage.setItem('feed', JSON.stringify({ lines: kept.lines, bookmark: hub.bookmark }));
});
hub.connect();`;

const ticket = `const hub = new Carillon({
  url: 'https://hub.example.org',
  ticket: async () => (await fetch('/my-backend/carillon-ticket', { method: 'POST' })).text(),
});`;

export const SAMPLES = {
  html: { file: 'index.html', code: html },
  page: { file: 'app.js', code: page },
  node: { file: 'watch.js', code: node },
  bookmark: { file: 'feed.js', code: bookmark },
  ticket: { file: 'panel.js', code: ticket },
};
