// Makes one table of what `run` measured. `node table.js FOLDER LOAD`
import { existsSync, readFileSync, writeFileSync } from 'node:fs'

const [folder, load] = process.argv.slice(2)
const names = ['floor', 'carillon', 'nchan', 'ws', 'socketio', 'socketioxide', 'mosquitto', 'nats']

const figures = (name, mode) => {
  const file = `${folder}/${name}-${mode}.json`
  return existsSync(file) ? JSON.parse(readFileSync(file)).figures : undefined
}
const cost = (name, mode) => figures(name, mode)?.serverCpuUsPerDelivery
const ratio = (name, mode) => cost(name, mode) / cost('floor', mode)
const digits = (value, unit = '') => (Number.isFinite(value) ? value.toFixed(2) + unit : '–')

const rows = names
  .filter((name) => figures(name, 'even') || figures(name, 'burst'))
  .map((name) => {
    const [even, burst] = [figures(name, 'even'), figures(name, 'burst')]
    return {
      name,
      even: ratio(name, 'even'),
      evenUs: cost(name, 'even'),
      burst: ratio(name, 'burst'),
      burstUs: cost(name, 'burst'),
      idleKib: even?.serverRssKibPerSession,
      afterKib: even?.serverRssKibPerSessionAfter,
      p99Ms: even?.latencyP99Ms,
      lost: (even?.lost ?? 0) + (burst?.lost ?? 0),
    }
  })

const lines = [
  `| ${load} | evenly, CPU per delivery | × floor | burst of 20 | × floor | memory per idle client | after traffic | p99 | lost |`,
  '|---|---|---|---|---|---|---|---|---|',
  ...rows.map(
    (row) =>
      `| ${row.name} | ${digits(row.evenUs, ' µs')} | ${digits(row.even)} | ${digits(row.burstUs, ' µs')} | ${digits(row.burst)} | ` +
      `${digits(row.idleKib, ' KiB')} | ${digits(row.afterKib, ' KiB')} | ${digits(row.p99Ms, ' ms')} | ${row.lost} |`,
  ),
]

writeFileSync(`${folder}/table.json`, JSON.stringify({ load, rows }, null, 2) + '\n')
writeFileSync(`${folder}/table.md`, lines.join('\n') + '\n')
console.log(lines.join('\n'))
