// Makes one table for each load of what `run` measured. `node table.js FOLDER RATE ROUNDS LOAD…`; a
// load is CLIENTSxBYTES, with @RATE where it has one of its own.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'

const [folder, usual, rounds, ...loads] = process.argv.slice(2)
const names = ['floor', 'carillon', 'nchan', 'ws', 'socketio', 'socketioxide', 'mosquitto', 'nats']
const numbers = Array.from({ length: Number(rounds) }, (_, index) => index + 1)

const middle = (values) => {
  const sorted = values.filter(Number.isFinite).sort((one, other) => one - other)
  const half = sorted.length >> 1
  if (sorted.length === 0) return undefined
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2
}
const range = (values) => {
  const known = values.filter(Number.isFinite)
  return known.length ? [Math.min(...known), Math.max(...known)] : undefined
}
const digits = (value, unit = '') => (Number.isFinite(value) ? value.toFixed(2) + unit : '–')
const between = (ends) => (ends ? `${digits(ends[0])} to ${digits(ends[1])}` : '–')

const table = (load) => {
  const [clients, size, rate = usual] = load.split(/[x@]/)
  const figures = (name, mode, round) => {
    const file = `${folder}/${load}-${round}-${name}-${mode}.json`
    return existsSync(file) ? JSON.parse(readFileSync(file)).figures : undefined
  }
  // Each round's own floor: a machine's pace drifts from minute to minute.
  const one = (name, mode) => {
    const found = numbers.map((round) => figures(name, mode, round))
    const costs = found.map((figure) => figure?.serverCpuUsPerDelivery)
    const ratios = costs.map((cost, index) => cost / figures('floor', mode, numbers[index])?.serverCpuUsPerDelivery)
    const of = (key) => middle(found.map((figure) => figure?.[key]))
    return {
      rounds: costs.filter(Number.isFinite).length,
      us: middle(costs),
      ratio: middle(ratios),
      ratios: range(ratios),
      idleKib: of('serverRssKibPerSession'),
      afterKib: of('serverRssKibPerSessionAfter'),
      p99Ms: of('latencyP99Ms'),
      lost: found.reduce((sum, figure) => sum + (figure?.lost ?? 0), 0),
    }
  }
  const rows = names
    .map((name) => ({ name, even: one(name, 'even'), burst: one(name, 'burst') }))
    .filter(({ even, burst }) => even.rounds || burst.rounds)
  const title = `${clients} clients, ${size} bytes, ${rate} events a second; the middle of ${rounds} rounds`
  const lines = [
    title,
    '',
    '| | evenly, CPU per delivery | × floor | from, to | burst of 20 | × floor | from, to | memory per idle client | after traffic | p99 | lost |',
    '|---|---|---|---|---|---|---|---|---|---|---|',
    ...rows.map(
      ({ name, even, burst }) =>
        `| ${name} | ${digits(even.us, ' µs')} | ${digits(even.ratio)} | ${between(even.ratios)} | ` +
        `${digits(burst.us, ' µs')} | ${digits(burst.ratio)} | ${between(burst.ratios)} | ` +
        `${digits(even.idleKib, ' KiB')} | ${digits(even.afterKib, ' KiB')} | ${digits(even.p99Ms, ' ms')} | ${even.lost + burst.lost} |`,
    ),
  ]
  return { load, clients: Number(clients), size: Number(size), rate: Number(rate), rounds: Number(rounds), rows, lines }
}

const tables = loads.map(table)
const text = tables.map(({ lines }) => lines.join('\n') + '\n').join('\n')
const json = tables.map(({ lines, ...rest }) => rest)
writeFileSync(`${folder}/table.json`, JSON.stringify(json, null, 2) + '\n')
writeFileSync(`${folder}/table.md`, text)
console.log(text)
