#ifndef MY_UNIVERSE_COMMON_CLAMP_HPP
#define MY_UNIVERSE_COMMON_CLAMP_HPP

double clamp(double value, double low, double high);

#endif
