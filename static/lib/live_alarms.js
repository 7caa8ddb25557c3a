import { session } from './session.js';

/** Events that change which alarms there are, or how they stand. */
export const ALARM_EVENTS = ['rt_alarm_raised', 'rt_alarm_acknowledged', 'rt_alarm_cleared'];
/** Alarms come at once; the figures that come along with them may be old. */
const FIGURES_PER_SECOND = 0.01;

/**
 * Tells when alarms of modules that one may see came, were seen to or went, and when some may have been missed. Owners hear
 * of theirs without asking, admins of all on the topic `admin`.
 *
 * @param {() => void} heard
 * @returns {() => void} Stops telling.
 */
export function followAlarms(heard) {
  const stops = [...ALARM_EVENTS, 'welcome', 'gap'].map((name) => session.hub.on(name, () => heard()));
  if (session.user.isAdmin) stops.push(session.listen('admin', { maxRate: FIGURES_PER_SECOND }));
  return () => stops.forEach((stop) => stop());
}
