import { session } from './session.js';

/** Events that change which alarms there are, or how they stand. */
export const ALARM_EVENTS = ['rt_alarm_raised', 'rt_alarm_acknowledged', 'rt_alarm_cleared'];

/**
 * Tells when alarms of modules that one may see came, were seen to or went, and when some may have been missed.
 *
 * @param {() => void} heard
 * @returns {() => void} Stops telling.
 */
export function followAlarms(heard) {
  const stops = [...ALARM_EVENTS, 'welcome', 'gap'].map((name) => session.hub.on(name, () => heard()));
  // What an admin hears of all alarms begins a moment after the welcome; its snapshot says when.
  stops.push(session.hub.on('snapshot', ({ topic }) => topic === 'alarms' && heard()));
  return () => stops.forEach((stop) => stop());
}
