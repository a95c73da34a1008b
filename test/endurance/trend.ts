/**
 * How much a value grew from the first moment to the last, by the straight line that fits best: single samples say
 * little of memory.
 *
 * @param points Moments and values.
 */
export function growthOf(points: readonly (readonly [number, number])[]): number {
  const mean = (of: 0 | 1) => points.reduce((sum, point) => sum + point[of], 0) / points.length
  const [atMean, valueMean] = [mean(0), mean(1)]
  const covariance = points.reduce((sum, [at, value]) => sum + (at - atMean) * (value - valueMean), 0)
  const variance = points.reduce((sum, [at]) => sum + (at - atMean) ** 2, 0)
  return variance === 0 ? 0 : (covariance / variance) * (points.at(-1)![0] - points[0]![0])
}
