// The pure parts of the client library.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Address } from '../../static/lib/carillon/address.js';
import { EventStream } from '../../static/lib/carillon/event_stream.js';
import { Place } from '../../static/lib/carillon/place.js';
import { Retries } from '../../static/lib/carillon/retries.js';
import { Ways } from '../../static/lib/carillon/ways.js';

function settled(topics) {
  const place = new Place(topics);
  place.start();
  place.pass({ type: 'welcome', cursor: 'c1' });
  for (const topic of topics) place.pass({ type: 'snapshot', topic, cursor: 'c1' });
  return place;
}

test('only topics whose snapshot came are resumed, the others begin anew', () => {
  const place = new Place(['a', 'b']);
  assert.deepEqual(place.start(), { cursor: null, topics: ['a', 'b'] });
  place.pass({ type: 'welcome', cursor: 'c1' });
  place.pass({ type: 'snapshot', topic: 'a', cursor: 'c1' });
  place.pass({ type: 'event', cursor: 'c2' });

  assert.deepEqual(place.start(), { cursor: 'c2', topics: ['a'] });
  assert.deepEqual(place.late, ['b']);
});

test('a line lost before its gap was told is told of it again', () => {
  const place = settled(['a']);
  assert.deepEqual(place.start(), { cursor: 'c1', topics: ['a'] });
  place.pass({ type: 'welcome', recovered: false, cursor: 'c9' });

  assert.deepEqual(place.start(), { cursor: 'c1', topics: ['a'] });
});

test('a line lost between a gap and its snapshots asks for the snapshots', () => {
  const place = settled(['a', 'b']);
  place.start();
  place.pass({ type: 'welcome', recovered: false, cursor: 'c9' });
  place.pass({ type: 'gap', missed: null });
  place.pass({ type: 'snapshot', topic: 'a', cursor: 'c10' });

  assert.deepEqual(place.start(), { cursor: 'c10', topics: ['a'] });
  assert.deepEqual(place.late, ['b']);
});

test('a stream with a topic that is new goes on with the others', () => {
  const place = settled(['a']);
  assert.deepEqual(place.startWhole(), { cursor: 'c1', topics: ['a'], fresh: [] });
  place.add(['b']);
  assert.deepEqual(place.startWhole(), { cursor: 'c1', topics: ['a', 'b'], fresh: ['b'] });
  place.pass({ type: 'snapshot', topic: 'b', cursor: 'c1' });
  assert.deepEqual(place.startWhole(), { cursor: 'c1', topics: ['a', 'b'], fresh: [] });
});

test('a rate stays with its topic until another one is asked for or the hub refuses it', () => {
  const place = new Place(['a', { topic: 'b', maxRate: 2 }, { topic: 'c' }]);
  place.add(['d'], 2);
  assert.deepEqual(place.withRates(place.start().topics), [
    'a',
    { topic: 'b', maxRate: 2 },
    'c',
    { topic: 'd', maxRate: 2 },
  ]);

  const undo = place.add(['b', 'e'], 5);
  assert.deepEqual(place.late, ['b', 'e'], 'what is wanted otherwise is asked for again');
  assert.deepEqual([...place.lateByRate], [[5, ['b', 'e']]]);
  undo();
  assert.deepEqual(place.topics, ['a', 'b', 'c', 'd']);
  assert.deepEqual(place.withRates(['b']), [{ topic: 'b', maxRate: 2 }]);
  place.add(['b']);
  assert.deepEqual(place.withRates(['b']), ['b']);
  for (const bad of [0, -1, 1001, NaN, '2']) assert.throws(() => place.add(['f'], bad), RangeError);
  assert.deepEqual(place.late, ['b'], 'nothing comes of what is refused here');
});

test('a stream reads the same however its text is cut', () => {
  const text =
    'retry: 5\nevent: welcome\ndata: {"a":\ndata: 1}\n\n: alive\n\nid: c1\n\nid: c2\nevent: rt_x\r\ndata: {"ü":"é"}\r\n\r\n';
  const whole = new EventStream().take(text);
  assert.deepEqual(whole, [
    { event: 'welcome', data: '{"a":\n1}' },
    {},
    { id: 'c1' },
    { event: 'rt_x', id: 'c2', data: '{"ü":"é"}' },
  ]);
  for (let round = 0; round < 300; round += 1) {
    const stream = new EventStream();
    const told = [];
    for (let from = 0, to; from < text.length; from = to) {
      to = from + 1 + Math.floor(Math.random() * 12);
      told.push(...stream.take(text.slice(from, to)));
    }
    assert.deepEqual(told, whole);
  }
});

test('streams are tried where WebSockets reach nobody, later where they have worked', () => {
  const kinds = (ways, attempts) =>
    Array.from({ length: attempts }, () => {
      const kind = ways.next();
      ways.failed();
      return kind[0];
    }).join('');
  const ways = new Ways({ hasSockets: true });
  assert.equal(kinds(ways, 6), 'wwswsw');
  ways.worked('websocket');
  assert.equal(kinds(ways, 7), 'wwwwsws');
  ways.worked('sse');
  assert.equal(kinds(ways, 3), 'sws');
  assert.equal(kinds(new Ways({ hasSockets: false }), 3), 'sss');
  assert.equal(kinds(new Ways({ hasSockets: true, transports: ['websocket'] }), 4), 'wwww');
});

test('a connection that breaks at once again and again is not tried at full speed', (t) => {
  t.mock.timers.enable({ apis: ['Date'] });
  t.mock.method(Math, 'random', () => 1);
  const retries = new Retries({ reconnectDelay: 1000, maxReconnectDelay: 15000, maxReconnectAttempts: 15 });
  const interrupted = (livedMs) => {
    retries.live();
    t.mock.timers.tick(livedMs);
    retries.lost();
    return retries.next();
  };
  assert.deepEqual([interrupted(60000), interrupted(10), interrupted(10), interrupted(10)], [1000, 2000, 4000, 8000]);
  assert.equal(interrupted(60000), 1000);
});

test('the hub is found from an origin, a path or the address of its socket', () => {
  for (const [given, page] of [
    ['https://hub.example', undefined],
    ['wss://hub.example/ws', undefined],
    [undefined, 'https://hub.example/some/page?x#y'],
    ['/', 'https://hub.example/some/page'],
  ]) {
    const address = new Address(given, page);
    assert.equal(address.socket('t'), 'wss://hub.example/ws?ticket=t');
    assert.equal(address.events({ topics: ['a', 'b'] }), 'https://hub.example/api/v1/events?topics=a%2Cb');
    const stream = new URL(address.events({ topics: ['a', { topic: 'b', maxRate: 2 }, 'c'], fresh: ['b', 'c'] }));
    assert.equal(stream.searchParams.get('topics'), 'a,b;maxRate=2;fresh,c;fresh');
  }
  assert.equal(new Address('https://h.example/carillon/').socket(), 'wss://h.example/carillon/ws');
});
