// A tile of 64 rows of up to 64 features, eight rows an invocation: 16 KiB of workgroup memory.

// rows of the tile, and how many of them an invocation sums
const ROWS: u32 = 64u;
const EACH: u32 = 8u;
// features of a row in fours, and invocations: ROWS / EACH * QUADS
const QUADS: u32 = 16u;
const THREADS: u32 = 128u;
