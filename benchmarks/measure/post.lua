-- What wrk sends: each request has a number of its own, or is one of the prepared bodies; without either it is a GET.
--   SPEED_HEADERS    lines "name: value"
--   SPEED_PAYLOAD    a file with a body; each {{ID}} in it becomes a number that never came before
--   SPEED_BODIES     or a file of lines "value of the header<TAB>body", each of them sent once
--   SPEED_SIGNATURE  the header that has this value     SPEED_OFFSET  how many lines were sent before
--   SPEED_PREFIX     begins the numbers of this run
local headers = { ["Content-Type"] = "application/json" }
for line in os.getenv("SPEED_HEADERS"):gmatch("[^\n]+") do
  local name, value = line:match("^(.-):%s*(.*)$")
  headers[name] = value
end
local prefix, signature = os.getenv("SPEED_PREFIX"), os.getenv("SPEED_SIGNATURE")
local parts, bodies, sent = {}, nil, 0

local function read_bodies(path, offset)
  bodies = {}
  local number = 0
  for line in io.lines(path) do
    number = number + 1
    if number > offset then
      local value, body = line:match("^(.-)\t(.*)$")
      bodies[#bodies + 1] = { value, body }
    end
  end
end

local function read_payload(path)
  local file = assert(io.open(path, "rb"))
  local text, position = file:read("*a"), 1
  file:close()
  while true do
    local first, last = text:find("{{ID}}", position, true)
    parts[#parts + 1] = text:sub(position, first and first - 1)
    if not first then break end
    position = last + 1
  end
end

function init()
  local path = os.getenv("SPEED_BODIES")
  local payload = os.getenv("SPEED_PAYLOAD")
  if path then read_bodies(path, tonumber(os.getenv("SPEED_OFFSET"))) elseif payload then read_payload(payload) end
end

function request()
  sent = sent + 1
  if bodies then
    local prepared = bodies[(sent - 1) % #bodies + 1]
    headers[signature] = prepared[1]
    return wrk.format("POST", nil, headers, prepared[2])
  end
  if #parts == 0 then return wrk.format("GET", nil, headers) end
  return wrk.format("POST", nil, headers, table.concat(parts, string.format("%s%08d", prefix, sent)))
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    'MEASURED {"requests":%d,"seconds":%.6f,"errors":%d,"p50":%.3f,"p95":%.3f,"p99":%.3f,"longest":%.3f}\n',
    summary.requests, summary.duration / 1e6,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50) / 1e3, latency:percentile(95) / 1e3, latency:percentile(99) / 1e3, latency.max / 1e3))
end
