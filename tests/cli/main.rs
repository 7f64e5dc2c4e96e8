//! The program as a user meets it: every bad input ends in one line and the right exit code, and nothing is harmed.
//!
//! Numbers in the tables are those of the project's list of bad inputs and faults: 1 to 32 data files, 33 to 54
//! checkpoints, 55 to 75 configuration and arguments, 76 to 93 outputs, 94 to 118 signals, processes and devices.
//! Every refusal is checked for the same things, see [`harness::Place::refused`].

#![cfg(unix)]

mod arguments;
mod audit;
mod bench;
mod checkpoints;
mod construct;
mod data;
mod ensembles;
mod good;
mod harness;
mod laboratory;
mod likelihood;
mod newcomers;
mod outputs;
mod processes;
mod signals;
