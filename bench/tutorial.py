# The proof of work of the well-known tutorial: for every nonce, the block is
# serialised as JSON with sorted keys and hashed once, until the hex digest begins
# with enough zeros. The argument is the time to run, in seconds. The output is the
# number of hashes and the seconds that they took.
import json
import sys
import time
from hashlib import sha256


class Block:
    def __init__(self, index, transactions, timestamp, previous_hash):
        self.index = index
        self.transactions = transactions
        self.timestamp = timestamp
        self.previous_hash = previous_hash
        self.nonce = 0

    def compute_hash(self):
        text = json.dumps(self.__dict__, sort_keys=True)
        return sha256(text.encode()).hexdigest()


block = Block(1, [{"author": "ann", "content": "hello", "timestamp": 1}], 1, "0" * 64)
limit = float(sys.argv[1])
hashes = 0
start = time.perf_counter()
while time.perf_counter() - start < limit:
    for _ in range(1000):
        digest = block.compute_hash()
        hashes += 1
        if digest.startswith("0" * 16):
            sys.exit("found a digest with 64 zero bits, which means that the loop is wrong")
        block.nonce += 1
print(hashes, time.perf_counter() - start)
