// Gives the scripts the global crypto, which browsers and newer versions of Node.js have.
// Node.js 18 has it only as a module.

import { webcrypto } from 'node:crypto';

if (!globalThis.crypto) Object.defineProperty(globalThis, 'crypto', { configurable: true, value: webcrypto });
