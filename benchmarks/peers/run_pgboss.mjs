// pg-boss: several workers on one queue, each with large batches, told to go on at once while there is more.
import { args, dueTimes, installed, main, paced, Working } from './child.mjs'

const found = installed('pg-boss')
const PgBoss = found.PgBoss ?? found.default ?? found
const BATCH = 1000
const WORKERS = 2

async function started (options, settings = {}) {
  const boss = new PgBoss({ connectionString: options.url, schedule: false, ...settings })
  boss.on('error', error => process.stderr.write(`${error}\n`))
  await boss.start()
  return boss
}

async function withBoss (options, act) {
  const boss = await started(options, { supervise: false })
  const result = await act(boss)
  await boss.stop({ graceful: false, wait: true, close: true })
  return result
}

const prepare = options => withBoss(options, async boss => { await boss.createQueue('body') })

const enqueue = options => withBoss(options, async boss => {
  if (options.one_by_one) return paced(options, now => boss.send('body', args(options, now)))
  const due = dueTimes(options)
  const began = performance.now()
  for (let first = 0; first < due.length; first += 1000) {
    const jobs = due.slice(first, first + 1000).map(at => ({
      name: 'body',
      data: args(options, at),
      startAfter: at === null ? undefined : new Date(at * 1000)
    }))
    await (boss.insert.length > 1 && found.PgBoss ? boss.insert('body', jobs) : boss.insert(jobs))
  }
  return { seconds: (performance.now() - began) / 1000 }
})

async function work (options) {
  const working = new Working(options)
  let boss
  const result = await working.untilTold(async () => {
    boss = await started(options)
    for (let i = 0; i < WORKERS; i++) {
      const worker = { id: null }
      worker.id = await boss.work('body', { batchSize: BATCH, pollingIntervalSeconds: 0.5, priority: false }, async jobs => {
        await Promise.all(jobs.map(job => working.body(job.data)))
        if (jobs.length === BATCH) boss.notifyWorker(worker.id)
      })
    }
  })
  await Promise.race([boss.stop({ graceful: true, timeout: 3000 }), new Promise(resolve => setTimeout(resolve, 5000))])
  return result
}

main({ prepare, enqueue, work })
