// Words of `control`, by which a training step steers itself without the host. Real numbers are stored as their bits.

const STEP: u32 = 0u;     // steps done
const BASE: u32 = 1u;     // step that row 0 of the schedule belongs to
// The fault as this step knows it: 0, or 1 + the step in which a number was not finite; from then on nothing is updated.
const DIVERGED: u32 = 2u;
const SCALE: u32 = 3u;    // factor that clips the gradient
const RATE: u32 = 4u;     // learning rate of this step
const CORRECT1: u32 = 5u; // 1 / (1 - beta1^t)
const CORRECT2: u32 = 6u; // 1 / (1 - beta2^t)
const KEEP: u32 = 7u;     // decay of the moving average in this step
