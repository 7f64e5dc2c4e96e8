// All atoms have the variance of the first.
const ALIKE: bool = true;
