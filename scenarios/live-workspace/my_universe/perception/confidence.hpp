#ifndef MY_UNIVERSE_PERCEPTION_CONFIDENCE_HPP
#define MY_UNIVERSE_PERCEPTION_CONFIDENCE_HPP

double confidence(double wanted);

#endif
