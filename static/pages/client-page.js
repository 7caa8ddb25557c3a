import { toast } from '../components/toast-stack.js';
import { h } from '../lib/dom.js';
import { icon } from '../lib/icons.js';
import { currentLanguage } from '../lib/i18n.js';
import { SECTIONS } from './client/outline.js';
import { SAMPLES } from './client/samples.js';
import { en } from './client/words_en.js';
import { fr } from './client/words_fr.js';

const WORDS = { en, fr };
const FILES = [
  ['file.module', '/static/lib/carillon.js'],
  ['file.types', '/static/lib/carillon.d.ts'],
  ['file.package', '/static/lib/package.json'],
];
/** The heads of each kind of table; the last column is prose. */
const HEADS = {
  options: ['head.option', 'head.default', 'head.meaning'],
  members: ['head.member', 'head.meaning'],
  events: ['head.event', 'head.data', 'head.meaning'],
  states: ['head.state', 'head.meaning'],
  reasons: ['head.reason', 'head.meaning'],
  codes: ['head.code', 'head.meaning'],
  errors: ['head.error', 'head.meaning'],
};
const NOTABLE =
  /(\/\/.*|'[^']*'|`[^`]*`|"[^"]*")|\b(import|from|const|async|await|function|return|new|for|of|if|throw)\b/g;

/** The documentation of the client library: open to everybody. */
class ClientPage extends HTMLElement {
  connectedCallback() {
    const files = FILES.map(([words, path]) => h('a', { href: path, target: '_blank', rel: 'noopener' }, say(words)));
    this.replaceChildren(
      h('div', { class: 'manual-head' }, h('h1', {}, say('title')), h('p', {}, say('lede')), h('p', {}, files)),
      h('div', { class: 'manual' }, contents(), h('div', { class: 'manual-body' }, SECTIONS.map(section))),
    );
    // The section named in the address came into being just now.
    const named = location.hash && document.getElementById(location.hash.slice(1));
    if (named) requestAnimationFrame(() => named.scrollIntoView());
  }
}

function say(key) {
  return WORDS[currentLanguage()][key] ?? key;
}

function contents() {
  const links = SECTIONS.map(({ id }) => h('li', {}, h('a', { href: `#${id}` }, say(`section.${id}`))));
  return h(
    'nav',
    { class: 'manual-contents', 'aria-label': say('contents') },
    h('h2', {}, say('contents')),
    h('ol', {}, links),
  );
}

function section({ id, parts }) {
  return h('section', { id, class: 'manual-section' }, h('h2', {}, say(`section.${id}`)), parts.map(part));
}

function part({ text, code, table, rows }) {
  if (text) return h('p', {}, prose(say(text)));
  return code ? sample(SAMPLES[code]) : tableOf(table, rows);
}

/** Words between backticks are code. */
function prose(words) {
  return words.split('`').map((piece, place) => (place % 2 ? h('code', {}, piece) : piece));
}

function sample({ file, code }) {
  const copy = () => navigator.clipboard.writeText(code).then(() => toast(say('copied'), 'good'));
  const label = `${say('copy')} ${file}`;
  const button = h(
    'button',
    { type: 'button', class: 'icon-button', 'aria-label': label, onclick: copy },
    icon('copy'),
  );
  const lines = h('pre', { tabindex: '0', 'aria-label': file }, h('code', {}, coloured(code)));
  const head = h('div', { class: 'sample-head' }, file, navigator.clipboard && button);
  return h('div', { class: 'sample' }, head, lines);
}

function coloured(code) {
  const pieces = [];
  let from = 0;
  for (const { 0: whole, 1: text, index } of code.matchAll(NOTABLE)) {
    pieces.push(code.slice(from, index), h('span', { class: text ? 'code-text' : 'code-word' }, whole));
    from = index + whole.length;
  }
  return [...pieces, code.slice(from)];
}

function tableOf(kind, rows) {
  const heads = HEADS[kind];
  const head = h(
    'tr',
    {},
    heads.map((key) => h('th', { scope: 'col' }, say(key))),
  );
  const body = rows.map((row) =>
    h(
      'tr',
      {},
      row.map((cell, place) => cellOf(cell, place, heads)),
    ),
  );
  return h('table', { class: `manual-table manual-${kind}` }, h('thead', {}, head), h('tbody', {}, body));
}

function cellOf(cell, place, heads) {
  if (place === heads.length - 1) return h('td', {}, prose(say(cell)));
  const code = cell === null ? '' : h('code', {}, cell);
  return place === 0 ? h('th', { scope: 'row' }, code) : h('td', { class: 'manual-middle' }, code);
}

customElements.define('client-page', ClientPage);
