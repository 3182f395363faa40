// What each measured program on Node tells the frame: the same lines as child.py.
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'

// The packages stand in a folder of their own, which imports of this file would not find.
export const installed = createRequire(process.env.BENCH_NODE_FOLDER + '/')

export const tell = facts => process.stdout.write(JSON.stringify(facts) + '\n')
export const monotonic = () => Number(process.hrtime.bigint()) / 1e9
export const wall = () => (performance.timeOrigin + performance.now()) / 1e3
export const sleep = ms => new Promise(resolve => setTimeout(resolve, ms))

const cpu = () => {
  const used = process.cpuUsage()
  return (used.user + used.system) / 1e6
}

export const args = (options, due = null) => ({ due, pad: 'x'.repeat(options.pad ?? 0) })

export const dueTimes = options =>
  Array.from({ length: options.count }, (_, i) =>
    options.begin === undefined ? null : options.begin + i * (options.apart ?? 0))

export class Working {
  constructor (options) {
    this.kind = options.body ?? 'noop'
    this.late = []
    this.count = 0
    this.first = null
    this.told = 0
    this.pause = (options.tell_every ?? 0.01) * 1000
  }

  async body ({ due }) {
    if (this.kind === 'wait') await sleep(10)
    this.first ??= monotonic()
    if (due !== null) this.late.push(wall() - due)
    this.count += 1
  }

  async untilTold (begin) {
    const lines = createInterface({ input: process.stdin })
    let enough = false
    let wake = () => {}
    for (const told of ['line', 'close']) lines.once(told, () => { enough = true; wake() })
    const used = cpu()
    tell({ begun: monotonic() })
    await begin()
    tell({ started: monotonic() })
    while (!enough) {
      if (this.count !== this.told) {
        this.told = this.count
        tell({ count: this.count, at: monotonic(), first: this.first })
      }
      await new Promise(resolve => {
        wake = resolve
        this.timer = setTimeout(resolve, this.pause)
      })
      clearTimeout(this.timer)
    }
    lines.close()
    return { cpu: cpu() - used, count: this.count, late: this.late }
  }
}

export async function paced (options, one) {
  const took = []
  for (let i = 0; i < options.count; i++) {
    await sleep((options.pause ?? 0) * 1000)
    const now = wall()
    const began = performance.now()
    await one(now)
    took.push((performance.now() - began) / 1000)
  }
  return { took }
}

export async function main (verbs) {
  const [, , verb, options] = process.argv
  const result = await verbs[verb](JSON.parse(options))
  process.stdout.write(JSON.stringify({ result: result ?? {} }) + '\n', () => process.exit(0))
}
