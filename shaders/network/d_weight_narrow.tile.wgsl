// Few outputs in the tile family: the same tiles.
#import network/d_weight
