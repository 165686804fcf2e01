// AES-256 in CBC mode with PKCS #7 padding (FIPS 197, SP 800-38A, RFC 8018), for key files
// on pages that have no WebCrypto. It is made for some dozens of bytes, not for speed.

const SBOX = new Uint8Array(256);
const INVERSE = new Uint8Array(256);

// double multiplies by x in the field of AES.
const double = (a) => ((a << 1) ^ (a & 0x80 ? 0x11b : 0)) & 0xff;

(function computeSBox() {
  // 3 generates all elements but 0, and 0xf6 is its inverse. So p and q are inverses of
  // each other in every step.
  let p = 1;
  let q = 1;
  do {
    p = p ^ double(p);
    q ^= q << 1;
    q ^= q << 2;
    q ^= q << 4;
    q &= 0xff;
    if (q & 0x80) q ^= 0x09;
    const rot = (n) => ((q << n) | (q >>> (8 - n))) & 0xff;
    SBOX[p] = q ^ rot(1) ^ rot(2) ^ rot(3) ^ rot(4) ^ 0x63;
  } while (p !== 1);
  SBOX[0] = 0x63;
  SBOX.forEach((s, i) => (INVERSE[s] = i));
})();

const ROUNDS = 14;

// expand returns the round keys of a key of 32 bytes.
function expand(key) {
  if (key.length !== 32) throw new Error('AES-256 needs a key of 32 bytes');
  const w = new Uint8Array(16 * (ROUNDS + 1));
  w.set(key);
  for (let i = 32, rcon = 1; i < w.length; i += 4) {
    let t = w.slice(i - 4, i);
    if (i % 32 === 0) {
      t = Uint8Array.of(SBOX[t[1]] ^ rcon, SBOX[t[2]], SBOX[t[3]], SBOX[t[0]]);
      rcon = double(rcon);
    } else if (i % 32 === 16) {
      t = t.map((b) => SBOX[b]);
    }
    for (let j = 0; j < 4; j++) w[i + j] = w[i + j - 32] ^ t[j];
  }
  return w;
}

function addKey(s, w, round) {
  for (let i = 0; i < 16; i++) s[i] ^= w[16 * round + i];
}

// mix multiplies each column of the state by a polynomial with the given coefficients.
function mix(s, coefficients) {
  for (let c = 0; c < 16; c += 4) {
    const column = s.slice(c, c + 4);
    for (let row = 0; row < 4; row++) {
      let sum = 0;
      for (let j = 0; j < 4; j++) {
        let a = column[(row + j) % 4];
        for (let f = coefficients[j]; f; f >>= 1, a = double(a)) if (f & 1) sum ^= a;
      }
      s[c + row] = sum;
    }
  }
}

function encryptBlock(w, block) {
  let s = block.slice();
  addKey(s, w, 0);
  for (let round = 1; round <= ROUNDS; round++) {
    s = s.map((_, i) => SBOX[s[(i + 4 * (i % 4)) % 16]]);
    if (round < ROUNDS) mix(s, [2, 3, 1, 1]);
    addKey(s, w, round);
  }
  return s;
}

function decryptBlock(w, block) {
  let s = block.slice();
  for (let round = ROUNDS; round >= 1; round--) {
    addKey(s, w, round);
    if (round < ROUNDS) mix(s, [14, 11, 13, 9]);
    s = s.map((_, i) => INVERSE[s[(i + 16 - 4 * (i % 4)) % 16]]);
  }
  addKey(s, w, 0);
  return s;
}

// encrypt pads and encrypts a text.
export function encrypt(key, iv, plain) {
  const w = expand(key);
  const pad = 16 - (plain.length % 16);
  const out = new Uint8Array(plain.length + pad).fill(pad);
  out.set(plain);
  let last = iv;
  for (let i = 0; i < out.length; i += 16) {
    last = encryptBlock(w, out.slice(i, i + 16).map((b, j) => b ^ last[j]));
    out.set(last, i);
  }
  return out;
}

// decrypt decrypts a text of whole blocks and takes the padding away. It returns null if
// the padding is wrong, so the key is wrong as well.
export function decrypt(key, iv, sealed) {
  const w = expand(key);
  const out = new Uint8Array(sealed.length);
  let last = iv;
  for (let i = 0; i < sealed.length; i += 16) {
    const block = sealed.slice(i, i + 16);
    out.set(decryptBlock(w, block).map((b, j) => b ^ last[j]), i);
    last = block;
  }
  const pad = out[out.length - 1];
  if (pad < 1 || pad > 16 || out.subarray(out.length - pad).some((b) => b !== pad)) return null;
  return out.slice(0, out.length - pad);
}
