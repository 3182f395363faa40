// graphile-worker as its own performance page sets it: a local queue, completions in batches.
import { args, dueTimes, installed, main, paced, Working } from './child.mjs'

const { run, makeWorkerUtils, Logger } = installed('graphile-worker')
const logger = new Logger(() => () => {})
const JOBS = 24
const WAITING = 500 // bodies that only wait take no processor from each other

async function withUtils (options, act) {
  const utils = await makeWorkerUtils({ connectionString: options.url, logger })
  try {
    return await act(utils)
  } finally {
    await utils.release()
  }
}

const prepare = options => withUtils(options, utils => utils.migrate())

const enqueue = options => withUtils(options, async utils => {
  if (options.one_by_one) return paced(options, now => utils.addJob('body', args(options, now)))
  const due = dueTimes(options)
  const began = performance.now()
  for (let first = 0; first < due.length; first += 1000) {
    await utils.addJobs(due.slice(first, first + 1000).map(at => ({
      identifier: 'body',
      payload: args(options, at),
      runAt: at === null ? undefined : new Date(at * 1000)
    })))
  }
  return { seconds: (performance.now() - began) / 1000 }
})

async function work (options) {
  const working = new Working(options)
  let runner
  const result = await working.untilTold(async () => {
    const batched = { localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 }
    runner = await run({
      preset: {
        worker: { connectionString: options.url, concurrentJobs: options.body === 'wait' ? WAITING : JOBS, maxPoolSize: JOBS + 1, pollInterval: (options.poll ?? 2) * 1000, ...batched }
      },
      logger,
      noHandleSignals: true,
      taskList: { body: payload => working.body(payload) },
      parsedCronItems: []
    })
  })
  await Promise.race([runner.stop(), new Promise(resolve => setTimeout(resolve, 8000))])
  return result
}

main({ prepare, enqueue, work })
