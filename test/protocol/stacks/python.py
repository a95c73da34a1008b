import json, sys
# Reads length-prefixed bodies from standard input, and prints for each what json.loads would let a server run.
def ran(message):
    if not isinstance(message, dict):
        return []
    method = message.get('method')
    params = message.get('params')
    if not isinstance(method, str):
        return []
    name = params.get('name') if isinstance(params, dict) else None
    return [[method, name if isinstance(name, str) else None]]

data = sys.stdin.buffer.read()
at = 0
out = []
while at < len(data):
    size = int.from_bytes(data[at:at + 4], 'big')
    body = data[at + 4:at + 4 + size]
    at += 4 + size
    try:
        value = json.loads(body)
    except Exception:
        out.append([])
        continue
    calls = []
    for one in value if isinstance(value, list) else [value]:
        calls += ran(one)
    out.append(calls)
sys.stdout.write(json.dumps(out))
