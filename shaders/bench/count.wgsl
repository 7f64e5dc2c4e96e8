// The cost of a dispatch: count[0] += 1, so that each dispatch waits for the one before it, as in a training step.
// dispatch  one workgroup

@group(0) @binding(0) var<storage, read_write> count: array<u32>; // (1)

@compute @workgroup_size(1)
fn main() {
    count[0] = count[0] + 1u;
}
