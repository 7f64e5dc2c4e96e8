// Few inputs in the tile family: the same tiles, one step deep.
#import network/linear
