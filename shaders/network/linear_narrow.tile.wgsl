// Few outputs in the tile family: the same tiles; most of their columns idle, which a head can afford.
#import network/linear
