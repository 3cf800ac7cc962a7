// One file on its way to the server, in parts (tus 1.0.0), until the server has taken it in.

const PART_BYTES = 8 * 1024 * 1024; // What a broken connection costs at most.
const POLL_MS = 1000;
const WAITS_MS = [1000, 2000, 4000, 8000, 15000, 30000];
const AGAIN = new Set([0, 408, 409, 423, 460, 502, 503, 504]); // Others do not change by waiting.
const PREFIX = "liuhen.transfer:";

const MARKED_BYTES = 64 * 1024; // At each end of a file: recorders write their header and index there.

/** 53 bits of FNV-1a's kind over two lanes (cyrb53): WebCrypto is missing on pages without HTTPS. */
function hash(bytes) {
  let [one, two] = [0xdeadbeef, 0x41c6ce57];
  for (const byte of bytes) {
    one = Math.imul(one ^ byte, 2654435761);
    two = Math.imul(two ^ byte, 1597334677);
  }
  one = Math.imul(one ^ (one >>> 16), 2246822507) ^ Math.imul(two ^ (two >>> 13), 3266489909);
  two = Math.imul(two ^ (two >>> 16), 2246822507) ^ Math.imul(one ^ (one >>> 13), 3266489909);
  return (4294967296 * (2097151 & two) + (one >>> 0)).toString(16);
}

/**
 * Where the address of a file's transfer is remembered: the same file is known by these. Name, size
 * and time do not tell recorder files apart: many have one size, and a clock that was never set.
 */
async function keyOf(file) {
  const ends = new Blob([file.slice(0, MARKED_BYTES), file.slice(-MARKED_BYTES)]);
  const mark = hash(new Uint8Array(await ends.arrayBuffer()));
  return `${PREFIX}${file.name}:${file.size}:${file.lastModified}-${mark}`;
}

/** Names of files whose transfers were begun in this browser and not finished. */
export function unfinished() {
  return Object.keys(localStorage).filter((key) => key.startsWith(PREFIX))
    .map((key) => key.slice(PREFIX.length).split(":").slice(0, -2).join(":"));
}

function base64(bytes) {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

/** The header Upload-Metadata for `facts`; empty ones are left out. */
export function metadata(facts) {
  return Object.entries(facts).filter(([, value]) => value !== "")
    .map(([key, value]) => `${key} ${base64(new TextEncoder().encode(String(value)))}`).join(",");
}

async function checksum(part) {
  // Browsers hash only on secure pages (HTTPS, or this machine); elsewhere TCP's checks must do.
  if (!globalThis.crypto || !crypto.subtle) return {};
  const digest = await crypto.subtle.digest("SHA-256", await part.arrayBuffer());
  return { "Upload-Checksum": `sha256 ${base64(new Uint8Array(digest))}` };
}

const sleep = (ms) => new Promise((done) => { setTimeout(done, ms); });

/** Sends `file`; `tell(state, facts)` hears of every change. */
export class Transfer {
  constructor(file, facts, tell) {
    this.file = file;
    this.facts = facts;
    this.tell = tell;
    this.key = null;
    this.request = null;
    this.running = false;
  }

  pause() {
    this.running = false;
    if (this.request) this.request.abort();
    this.tell("paused", {});
  }

  async start() {
    if (this.running) return;
    this.running = true;
    let failures = 0;
    while (this.running) {
      try {
        const before = this.offset;
        if (await this.advance()) return;
        if (this.offset !== before) failures = 0;
      } catch (problem) {
        if (!this.running) return;
        if (!AGAIN.has(problem.status)) {
          this.running = false;
          this.tell(problem.status === 401 ? "ended" : "failed", problem);
          return;
        }
        this.offset = undefined;
        this.tell("retrying", {});
        await sleep(WAITS_MS[Math.min(failures, WAITS_MS.length - 1)]);
        failures += 1;
      }
    }
  }

  /** One step: find out where we stand, send a part, or ask what became of it; true at the end. */
  async advance() {
    this.key ??= await keyOf(this.file);
    const key = this.key;
    const address = localStorage.getItem(key);
    if (!address) await this.create(key);
    else if (this.offset === undefined) await this.resync(key, address);
    else if (this.offset < this.file.size) await this.send(address);
    else return this.outcome(key, address);
    return false;
  }

  async create(key) {
    const said = metadata({ filename: this.file.name, modified: this.file.lastModified, ...this.facts });
    const headers = { "Upload-Length": this.file.size, "Upload-Metadata": said };
    const answer = await this.ask("POST", "/transfers", headers);
    localStorage.setItem(key, answer.getResponseHeader("Location"));
    this.offset = 0;
  }

  async resync(key, address) {
    try {
      const answer = await this.ask("HEAD", address, {});
      this.offset = Number(answer.getResponseHeader("Upload-Offset"));
    } catch (problem) {
      if (problem.status !== 404) throw problem;
      localStorage.removeItem(key); // It expired, or was another person's: begin again.
    }
  }

  async send(address) {
    const part = this.file.slice(this.offset, this.offset + PART_BYTES);
    const headers = {
      "Content-Type": "application/offset+octet-stream",
      "Upload-Offset": this.offset,
      ...await checksum(part),
    };
    this.tell("sending", { share: this.offset / this.file.size });
    const answer = await this.ask("PATCH", address, headers, part);
    this.offset = Number(answer.getResponseHeader("Upload-Offset"));
  }

  async outcome(key, address) {
    this.tell("checking", { share: 1 });
    const answer = await this.ask("GET", address, {});
    const facts = JSON.parse(answer.responseText);
    if (!facts.sha256) {
      await sleep(POLL_MS);
      return false;
    }
    localStorage.removeItem(key);
    this.running = false;
    this.tell(facts.state === "quarantined" ? "quarantined" : "taken", facts);
    return true;
  }

  /** A request; refused with `{status, message}` unless it succeeds, status 0 without a network. */
  ask(method, address, headers, body) {
    return new Promise((done, refuse) => {
      const request = new XMLHttpRequest();
      this.request = request;
      request.open(method, address);
      request.setRequestHeader("Tus-Resumable", "1.0.0");
      for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
      request.upload.onprogress = (event) => {
        if (body) this.tell("sending", { share: (this.offset + event.loaded) / this.file.size });
      };
      request.onload = () => {
        if (request.status < 300) done(request);
        else refuse({ status: request.status, message: sentence(request) });
      };
      request.onerror = request.onabort = () => refuse({ status: 0, message: "" });
      request.send(body);
    });
  }
}

function sentence(request) {
  try {
    return JSON.parse(request.responseText).message;
  } catch {
    return String(request.status);
  }
}
