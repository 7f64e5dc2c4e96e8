// A tile of 32 rows of up to 128 features, eight rows an invocation: 16 KiB of workgroup memory.

// rows of the tile, and how many of them an invocation sums
const ROWS: u32 = 32u;
const EACH: u32 = 8u;
// features of a row in fours, and invocations: ROWS / EACH * QUADS
const QUADS: u32 = 32u;
const THREADS: u32 = 128u;
