#ifndef MY_UNIVERSE_PLANNING_STEER_HPP
#define MY_UNIVERSE_PLANNING_STEER_HPP

double steer(double wanted);

#endif
