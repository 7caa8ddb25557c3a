/**
 * Reads server-sent events out of text that comes in pieces.
 *
 * Answers each as `{event, id, data}`; a comment, which is a sign of life only, as `{}`.
 */
export class EventStream {
  #rest = '';
  #lines = [];

  /** @param {string} text @returns {{event?: string, id?: string, data?: string}[]} */
  take(text) {
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop();
    return lines.flatMap((line) => this.#line(line));
  }

  #line(line) {
    if (line.startsWith(':')) return [{}];
    if (line) {
      this.#lines.push(line);
      return [];
    }
    const told = { event: 'message', data: [] };
    for (const field of this.#lines.splice(0)) {
      const [, name, value] = /^([^:]*):? ?(.*)$/s.exec(field);
      if (name === 'data') told.data.push(value);
      else if (name === 'event' || name === 'id') told[name] = value;
    }
    return told.data.length ? [{ ...told, data: told.data.join('\n') }] : [];
  }
}
