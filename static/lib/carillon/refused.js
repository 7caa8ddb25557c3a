/** What the hub refused; `problem` is its RFC 9457 object. */
export class RefusedError extends Error {
  /**
   * @param {import('./types.d.ts').Problem} problem
   * @param {import('./parts.d.ts').Loss | null} [loss] What that means for the line that was to be opened.
   */
  constructor(problem, loss = null) {
    super(problem.detail ?? problem.title ?? 'refused');
    this.name = 'RefusedError';
    this.problem = problem;
    this.loss = loss;
  }
}
