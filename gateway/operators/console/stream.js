// Follows a programme: its history first, then an event each second, again and again however often it breaks.
import { ask, ofProgramme } from "./api.js";

// Events come each second; five without any are more than a slow network.
const STALE_SECONDS = 5;
// A connection that has been silent for so long is dead even if nobody has said so.
const SILENT_SECONDS = 12;
const RETRY_SECONDS = [1, 2, 4, 8, 15];

/** Calls `onHistory(samples)`, `onState(state)`, `onAge(seconds, isStale)` each second and `onBye()`.
 *  Age is null until the first event. Returns what stops it. */
export function follow(programme, { onHistory, onState, onAge, onBye }) {
  let source, retry, heardAt, openedAt, failures = 0, isConnecting = false, isStopped = false;
  const age = () => (heardAt === undefined ? null : (performance.now() - heardAt) / 1000);

  async function connect() {
    isConnecting = true;
    openedAt = performance.now();
    // This also closes the gap of a lost connection, and finds out whether the session still lives.
    const history = await ask("GET", ofProgramme(programme, "/history")).catch(() => null);
    isConnecting = false;
    if (isStopped) return;
    if (!history) return lose();
    onHistory(history.samples);
    listen();
  }

  function listen() {
    source = new EventSource(ofProgramme(programme, "/events"));
    source.addEventListener("state", (event) => {
      heardAt = performance.now();
      failures = 0;
      onState(JSON.parse(event.data));
    });
    source.addEventListener("bye", () => {
      stop();
      onBye();
    });
    source.addEventListener("error", lose);
  }

  function lose() {
    source?.close();
    source = undefined;
    clearTimeout(retry);
    if (isStopped) return;
    const seconds = RETRY_SECONDS[Math.min(failures++, RETRY_SECONDS.length - 1)];
    // Consoles that lost the same server do not come back in the same instant.
    retry = setTimeout(connect, seconds * 1000 * (0.75 + Math.random() / 2));
  }

  const watch = setInterval(() => {
    onAge(age(), age() === null || age() > STALE_SECONDS);
    const silentSince = Math.max(heardAt ?? 0, openedAt);
    if (source && performance.now() - silentSince > SILENT_SECONDS * 1000) lose();
  }, 1000);

  function stop() {
    isStopped = true;
    source?.close();
    clearTimeout(retry);
    clearInterval(watch);
  }

  // A network that comes back is used at once.
  function hurry() {
    if (source || isConnecting) return;
    clearTimeout(retry);
    connect();
  }
  window.addEventListener("online", hurry);

  connect();
  return () => {
    window.removeEventListener("online", hurry);
    stop();
  };
}
