# Stage story: S1 to S8 with the reference package and with tensorhold, side by side (docs/story.md).

stage_story() {
  need_tests
  need_python safetensors==0.8.0 torch==2.13.0 numpy==2.2.6
  build dev -- lockfs story_driver
  "$root/.venv/bin/python" tests/story/story.py --lockfs build/dev/bin/lockfs \
    --driver build/dev/bin/story_driver
}
