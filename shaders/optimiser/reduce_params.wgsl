// Parameters of optimiser/reduce.

struct Params {
    length: u32,      // P
    slices: u32,      // S
    first_group: u32, // where this block of parameters starts in `norms`
    // from member to member of an ensemble, filled in by the host
    partials_member: u32,
    gradient_member: u32,
    norms_member: u32,
}
