import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Listeners } from '../../static/lib/listeners.js';

test('a topic is asked for as the most curious of its listeners wants, and given up with the last', () => {
  const { hub, said } = hubThatNotes();
  const listeners = new Listeners(hub);

  const leaveSlow = listeners.add('admin', { maxRate: 0.5 });
  const leaveFast = listeners.add('admin', { maxRate: 4 });
  const leaveAll = listeners.add('admin');
  assert.deepEqual(said.splice(0), ['+admin 0.5', '-admin', '+admin 4', '-admin', '+admin null'], 'each gets a snapshot');

  leaveAll();
  leaveSlow();
  assert.deepEqual(said.splice(0), ['+admin 4']);
  leaveSlow();
  leaveFast();
  assert.deepEqual(said.splice(0), ['-admin']);
});

test('topics do not disturb each other', () => {
  const { hub, said } = hubThatNotes();
  const listeners = new Listeners(hub);

  const leave = listeners.add('modules');
  listeners.add('module:MC-1');
  leave();

  assert.deepEqual(said, ['+modules null', '+module:MC-1 null', '-modules']);
});

function hubThatNotes() {
  const said = [];
  const note = (words) => Promise.resolve(said.push(words));
  return {
    said,
    hub: {
      subscribe: ([topic], { maxRate }) => note(`+${topic} ${maxRate}`),
      unsubscribe: ([topic]) => note(`-${topic}`),
    },
  };
}
