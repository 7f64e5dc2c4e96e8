// Coordinates of a point that are kept in registers.
const AXES: u32 = 1u;
