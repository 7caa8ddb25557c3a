/**
 * Asks for topics that a hello did not name: all of one rate in one frame, and if one of them is refused each for itself,
 * unless it is not wanted any more by then, or the line is gone.
 *
 * @param {Map<number | null, string[]>} groups Topics by their rate.
 * @param {{together: (topics: string[], maxRate: number | null) => Promise<unknown>,
 *   alone: (topic: string) => void}} ask
 */
export function askForLate(groups, { together, alone }) {
  for (const [maxRate, topics] of groups) {
    const each = () => topics.forEach((topic) => alone(topic));
    if (topics.length === 1) each();
    else together(topics, maxRate).catch(each);
  }
}
