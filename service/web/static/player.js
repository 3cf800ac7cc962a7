// The clip: play, shuttle in both directions, step, jump to the moment.

const RATES = [-8, -4, -2, -1, 1, 2, 4, 8];
const FRAME_S = 1 / 25; // Chinese street cameras record 25 pictures a second.
const REVERSE_TICK_S = 0.1;
const LEAD_S = 3; // The approach belongs to the act.

/** The rate one notch up (`direction` 1) or down (-1). */
export function nextRate(rate, direction) {
  const place = RATES.indexOf(rate) + direction;
  return RATES[Math.min(Math.max(place, 0), RATES.length - 1)];
}

/** Where in a clip of `duration` seconds a jump from `at` by `offset` ends. */
export function landing(at, offset, duration) {
  return Math.min(Math.max(at + offset, 0), duration || 0);
}

/** The actions of the player; `showRate` is told each new rate. */
export function createPlayer(video, showRate) {
  const moment = Number(video.dataset.moment);
  let rate = 1;
  let reversing = 0;

  function move(offset) {
    video.currentTime = landing(video.currentTime, offset, video.duration);
  }

  function goBack() {
    move(rate * REVERSE_TICK_S);
    if (video.currentTime === 0) setRate(1, false);
  }

  function setRate(wanted, running) {
    rate = wanted;
    clearInterval(reversing);
    reversing = 0;
    // Browsers play forwards only; backwards is a series of seeks.
    if (rate < 0) reversing = setInterval(goBack, REVERSE_TICK_S * 1000);
    else video.playbackRate = rate;
    if (rate > 0 && running) video.play();
    else video.pause();
    showRate(rate);
  }

  function step(frames) {
    setRate(1, false);
    move(frames * FRAME_S);
  }

  function jump() {
    setRate(1, false);
    move(moment - video.currentTime);
  }

  function lead() {
    if (moment > LEAD_S) move(moment - LEAD_S);
  }

  if (video.readyState >= HTMLMediaElement.HAVE_METADATA) lead();
  else video.addEventListener("loadedmetadata", lead, { once: true });

  return {
    play: () => setRate(1, video.paused && !reversing),
    slower: () => setRate(nextRate(rate, -1), true),
    faster: () => setRate(nextRate(rate, 1), true),
    frame_back: () => step(-1),
    frame_on: () => step(1),
    moment: jump,
  };
}
