// Every atom has a variance of its own.
const ALIKE: bool = false;
