#ifndef MY_UNIVERSE_COMMON_CLAMP_H
#define MY_UNIVERSE_COMMON_CLAMP_H

double clamp(double value, double low, double high);

#endif
