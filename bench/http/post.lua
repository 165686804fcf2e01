-- Makes wrk send posts. No two of them are the same.

local threads = 0

function setup(thread)
  thread:set("id", threads)
  threads = threads + 1
end

local count = 0
local headers = { ["Content-Type"] = "application/json" }

function request()
  count = count + 1
  local body = string.format(
    '{"author":"ann","content":"post %d of thread %d, about as long as what people write in one sentence"}',
    count, id)
  return wrk.format("POST", "/new_transaction", headers, body)
end

-- Prints one line for run.sh: the rate, the 50th and 99th percentile of the latency
-- in milliseconds, the number of responses other than 2xx and 3xx, and the number of
-- connection errors.
function done(summary, latency)
  local e = summary.errors
  io.write(string.format("result %.0f %.2f %.2f %d %d\n",
    summary.requests / summary.duration * 1e6,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    e.status, e.connect + e.read + e.write + e.timeout))
end
