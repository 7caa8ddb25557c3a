// The package of the client library: its types say what its code does, and its users are helped by them.
import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const LIBRARY = fileURLToPath(new URL('../../static/lib/', import.meta.url));
const OPTIONS = {
  noEmit: true,
  strict: true,
  target: ts.ScriptTarget.ES2022,
  lib: ['lib.es2023.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  allowImportingTsExtensions: true,
  types: [],
};

function faults(file, options) {
  const program = ts.createProgram([file], { ...OPTIONS, ...options });
  return ts.getPreEmitDiagnostics(program).map(({ file: where, start, messageText }) => {
    const line = where ? `${where.fileName}:${where.getLineAndCharacterOfPosition(start).line + 1}: ` : '';
    return line + ts.flattenDiagnosticMessageText(messageText, '\n');
  });
}

async function folder(t) {
  const path = await mkdtemp(join(tmpdir(), 'carillon-types-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  await writeFile(join(path, 'package.json'), '{"type":"module"}');
  return path;
}

async function install(path) {
  const target = join(path, 'node_modules/carillon-client');
  await mkdir(target, { recursive: true });
  const { files } = JSON.parse(await readFile(join(LIBRARY, 'package.json'), 'utf8'));
  for (const name of [...files, 'package.json']) await cp(join(LIBRARY, name), join(target, name), { recursive: true });
}

test('the code keeps to its own comments, and its types describe it', async (t) => {
  const path = await folder(t);
  for (const side of ['real', 'declared']) {
    await mkdir(join(path, side));
    await cp(join(LIBRARY, 'carillon'), join(path, side, 'carillon'), { recursive: true });
  }
  await cp(join(LIBRARY, 'carillon.js'), join(path, 'real/carillon.js'));
  await cp(join(LIBRARY, 'carillon.d.ts'), join(path, 'declared/carillon.d.ts'));
  const file = join(path, 'compare.ts');
  await writeFile(
    file,
    `import * as real from './real/carillon.js';
     import type * as declared from './declared/carillon.js';
     export const same: typeof declared = real;`,
  );

  assert.deepEqual(faults(file, { allowJs: true, checkJs: true, noImplicitAny: false, strictNullChecks: false }), []);
});

test('whoever installs the package gets events by their types', async (t) => {
  const path = await folder(t);
  await install(path);
  const file = join(path, 'app.ts');
  const write = (line) =>
    writeFile(
      file,
      `import { Carillon, CloseCode, RefusedError } from 'carillon-client';
       const hub = new Carillon({ url: 'https://hub.example.org', topics: ['modules'], token: () => 'abc' });
       hub.on('rt_module_online', ({ moduleId }, info) => console.log(moduleId.length, info?.at));
       hub.on('state', ({ state, retryAt }) => console.log(state === 'ended', retryAt && retryAt - 1));
       hub.on('rt_weather_changed', ({ wind }) => console.log(wind));
       hub.subscribe(['custom:a'], { maxRate: 2 }).catch((error) => error instanceof RefusedError && error.problem.detail);
       console.log(CloseCode.NOT_ALLOWED === 4003, hub.bookmark?.cursor);
       ${line}`,
    );

  await write('');
  assert.deepEqual(faults(file), []);
  await write("hub.on('rt_module_online', ({ name }) => name);");
  assert.match(faults(file).join(), /'name' does not exist/);
  await write("new Carillon({ reconnectDelay: 'soon' });");
  assert.match(faults(file).join(), /'string' is not assignable to type 'number'/);
});

test('the package is of the version of the hub', async () => {
  const { version } = JSON.parse(await readFile(join(LIBRARY, 'package.json'), 'utf8'));
  const cargo = await readFile(new URL('../../Cargo.toml', import.meta.url), 'utf8');

  assert.equal(version, /^version = "(.+)"$/m.exec(cargo)[1]);
});

test('every option, member and event is on the page about the library', async () => {
  const outline = await import('../../static/pages/client/outline.js');
  const { en } = await import('../../static/pages/client/words_en.js');
  const { fr } = await import('../../static/pages/client/words_fr.js');
  const types = await readFile(join(LIBRARY, 'carillon/types.d.ts'), 'utf8');
  const main = await readFile(join(LIBRARY, 'carillon.d.ts'), 'utf8');
  const names = (text, head) => {
    const body = text.slice(text.indexOf(`${head} {`)).split('\n}')[0];
    return [...body.matchAll(/^ {2}(?:readonly )?'?([\w*]+)'?(?=[?:(<])/gm)].map(([, name]) => name);
  };
  const told = (rows) => rows.map(([name]) => name).filter((name) => name !== 'rt_…');
  const same = (rows, text, head) => assert.deepEqual(told(rows).sort(), [...new Set(names(text, head))].sort(), head);

  same(outline.OPTIONS, types, 'interface CarillonOptions');
  same(outline.HUB_EVENTS, types, 'interface HubEvents');
  same(outline.CLIENT_EVENTS, types, 'interface ClientEvents');
  same([...outline.MEMBERS, ['constructor']], main, 'class Carillon');
  assert.deepEqual(Object.keys(fr), Object.keys(en));
  const keys = outline.SECTIONS.flatMap(({ id, parts }) => [
    `section.${id}`,
    ...parts.flatMap(({ text, rows = [] }) => [...(text ? [text] : []), ...rows.map((row) => row.at(-1))]),
  ]);
  assert.deepEqual(
    keys.filter((key) => !(key in en)),
    [],
  );
});
