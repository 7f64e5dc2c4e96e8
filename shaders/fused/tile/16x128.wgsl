// A tile of 16 rows of up to 128 features, four rows an invocation, for small batches: 8 KiB of workgroup memory.

// rows of the tile, and how many of them an invocation sums
const ROWS: u32 = 16u;
const EACH: u32 = 4u;
// features of a row in fours, and invocations: ROWS / EACH * QUADS
const QUADS: u32 = 32u;
const THREADS: u32 = 128u;
