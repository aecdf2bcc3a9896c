/** Rarer than this isn't chance: over all relays and checks of a report a thousand times less than one false alarm. */
const RARE = 1e-6;

/**
 * Whether so many hits among so many can't be the usual oddity: at the usual rate they would come about less than once in a
 * million times (the binomial's upper tail). Few hits among few are never enough.
 */
export function isBeyondChance(hits: number, among: number, usual: number): boolean {
  if (hits <= among * usual) return false;
  let tail = 0;
  for (let k = hits; k <= among; k++) {
    const term = Math.exp(logChoose(among, k) + k * Math.log(usual) + (among - k) * Math.log1p(-usual));
    tail += term;
    // Terms fall by a factor from here on: what follows adds nothing.
    if (term < tail * 1e-12) break;
  }
  return tail < RARE;
}

function logChoose(n: number, k: number): number {
  return logFactorial(n) - logFactorial(k) - logFactorial(n - k);
}

/** Stirling's series; exact enough from 10 on, summed below. */
function logFactorial(n: number): number {
  if (n < 10) {
    let sum = 0;
    for (let i = 2; i <= n; i++) sum += Math.log(i);
    return sum;
  }
  return n * Math.log(n) - n + Math.log(2 * Math.PI * n) / 2 + 1 / (12 * n) - 1 / (360 * n ** 3);
}
