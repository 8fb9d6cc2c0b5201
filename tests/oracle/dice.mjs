// Numbers that are the same for the same seed, everywhere: xorshift.

export function dice(seed) {
  let state = BigInt(seed) | 1n
  function roll(limit) {
    state ^= (state << 13n) & 0xffffffffffffffffn
    state ^= state >> 7n
    state ^= (state << 17n) & 0xffffffffffffffffn
    return Number((state >> 20n) % BigInt(limit))
  }
  const pick = (...list) => list[roll(list.length)]
  const chance = (percent) => roll(100) < percent
  const some = (most, make) => Array.from({ length: 1 + roll(most) }, make)
  return { pick, chance, some }
}
