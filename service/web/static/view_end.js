// What was played of a recording is told when its player is left: the log ends the look with it.

/** `0.000-3.250,7.000-9.100` for the TimeRanges that were played; empty when nothing was. */
export function rangesOf(played) {
  const told = [];
  for (let at = 0; at < played.length; at += 1) {
    told.push(`${played.start(at).toFixed(3)}-${played.end(at).toFixed(3)}`);
  }
  return told.slice(0, 100).join(",");
}

/** Tells it when the page is left; the function that comes back tells it before that. */
export function createViewEnd(video) {
  function tell() {
    const ranges = rangesOf(video.played);
    const said = new URLSearchParams({ of: video.dataset.of, ranges });
    if (ranges) navigator.sendBeacon("/views", said);
  }
  addEventListener("pagehide", tell);
  return tell;
}
