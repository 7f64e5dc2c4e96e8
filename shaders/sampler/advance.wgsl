// Counts the stages that were run: control[0] += max(control[2], 1), in a dispatch of its own so that nobody reads it meanwhile.
// dispatch  one workgroup

@group(0) @binding(0) var<storage, read_write> control: array<u32>; // [0] stage, [2] stages at a time

@compute @workgroup_size(1)
fn main() {
    control[0] = control[0] + max(control[2], 1u);
}
