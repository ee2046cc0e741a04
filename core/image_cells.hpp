// The walk for many inputs and a first stage of few pre-activations: over their space, not the inputs'.
//
// If the rows of the first stage's map are independent, the inputs in a region of the network are all those
// whose pre-activations lie in a polytope of that small space. So the walk goes over the network without
// that map, on a box that holds the image of the domain, and of each cell that it finds it remains to
// decide whether it meets the interior of the image (zonotope.hpp). Nearly all do, or are certainly beside
// it; the others are decided as cells of the inputs' space, exactly.
#pragma once

#include <memory>

#include "cells.hpp"
#include "dictionary.hpp"
#include "halfspaces.hpp"
#include "projection.hpp"
#include "zonotope.hpp"

namespace plica {

class ImageCells : public Cells<Dictionary> {
  public:
    // `image` is the chain `whole` without the map of its first stage, on the domain `space` that holds the
    // image of the box `inputs`.
    ImageCells(const Chain &image, const Chain &whole, Domain space, Domain inputs, const Ball &ball,
               const Listing &listing);

    std::int64_t beside = 0;   // cells and regions that the image does not meet
    std::int64_t programs = 0; // of those, and of the others, decided in the inputs' space

  private:
    using Base = Cells<Dictionary>;
    enum class Meets { no, yes, open };
    static constexpr int kSteps = 16, kPlanes = 8;
    static constexpr double kInward = 0.02, kMargin = 1e-3, kLeast = 1e-9, kThinner = 0.03;

    void emit(Cell &cell) override;
    void finish() override;
    bool hopeless(Item &item) override;
    Meets meets(Cell cell, double *input);
    bool exactly();

    const Domain inputs_;
    const bool patterns_wanted_, witnesses_wanted_;
    Zonotope zonotope_;
    HalfSpaces halves_; // of a region, in the inputs' space
    std::unique_ptr<Dictionary> form_of_inputs_; // made when it is first needed
    Dictionary::Cell all_;
    Projection projection_;
    Numbers rows_of_, constants_of_, force_, point_;
    std::vector<double> plane_;
    std::vector<double> found_; // an input in the region
    // Inputs that are still to be written: the forces that lead there, and where they go. Whether the last one is to be.
    Numbers forces_;
    std::size_t places_of_[Zonotope::kTogether] = {};
    int n_later_ = 0;
    bool later_ = false;
};

} // namespace plica
