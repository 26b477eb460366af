"""The Python environments in which the peers run. Each is made when it is first needed, and kept."""
import dataclasses
import os
import subprocess
import sys

from peers.runner import Failed, last_line


@dataclasses.dataclass(frozen=True)
class Environment:
    """`packages` are installed with their dependencies, `unwanted` ones of which are removed, and then `alone` without any.

    The packages of the environment `base` are seen too.
    """
    packages: tuple
    unwanted: tuple = ()
    alone: tuple = ()
    base: str = ''


environments = {
    'torch_2.2': Environment(
        packages=('torch==2.2.2', 'torchvision==0.17.2', 'numpy==1.26.4', 'transformers==4.31.0', 'tokenizers==0.13.3',
                  'huggingface_hub==0.36.2', 'sentencepiece==0.1.99', 'protobuf==3.20.3', 'safetensors==0.4.5',
                  'mmengine==0.10.4', 'mmcv-lite==2.1.0', 'importlib_metadata==6.8.0', 'mat4py', 'modelindex', 'rich',
                  'matplotlib<3.10', 'setuptools<70', 'einops==0.7.0', 'einops-exts==0.0.4', 'open-clip-torch==2.20.0',
                  'timm==0.9.16', 'pillow==10.4.0', 'pycocotools==2.0.8', 'pycocoevalcap==1.2'),
        unwanted=('opencv-python',),  # which needs libraries of a desktop
        alone=('mmpretrain==1.2.0', 'open-flamingo==2.0.1', 'opencv-python-headless==4.10.0.84')),
    'transformers': Environment(packages=('torch==2.11.0', 'torchvision==0.26.0', 'transformers==5.24.0', 'pillow')),
    'llama_cpp': Environment(packages=('llama-cpp-python==0.3.36', 'gguf==0.19.0'), base='transformers'),
    'openvino': Environment(packages=('openvino==2026.4.1', 'openvino-genai==2026.4.1.0', 'openvino-tokenizers==2026.4.1.0',
                                      'optimum-intel[openvino]==2.2.0', 'transformers<5.6'), base='transformers'),
    'ctranslate2': Environment(packages=('ctranslate2==4.8.5',), base='transformers'),
}


def python_of(name, folder):
    """The Python of an environment under `folder`. It is made there if it is missing; one that is half made is made anew."""
    finished = folder / name / 'finished'
    python = folder / name / 'bin/python'
    if finished.exists():
        return python
    environment = environments[name]
    site = python_of(environment.base, folder) if environment.base else None
    print(f'installing the environment {name} into {folder / name}', file=sys.stderr)
    log = folder / f'{name}.install.log'
    folder.mkdir(parents=True, exist_ok=True)
    with open(log, 'w') as out:
        def run(*command):
            # llama-cpp-python is built from its sources.
            built = dict(os.environ, CMAKE_BUILD_PARALLEL_LEVEL=os.environ.get('CMAKE_BUILD_PARALLEL_LEVEL', '2'))
            if subprocess.run(['nice', *map(str, command)], stdout=out, stderr=subprocess.STDOUT, env=built).returncode != 0:
                raise Failed(f'can\'t be installed: {last_line(log)} ({log})')
        run(sys.executable, '-m', 'venv', '--clear', *(['--without-pip'] if site else []), folder / name)  # that of the base
        if site:
            packages = next((site.parent.parent / 'lib').glob('python3*')) / 'site-packages'
            own = next((folder / name / 'lib').glob('python3*')) / 'site-packages'
            (own / 'base.pth').write_text(f'{packages}\n')
        pip = [python, '-m', 'pip', '--disable-pip-version-check']
        run(*pip, 'install', *environment.packages)
        if environment.unwanted:
            run(*pip, 'uninstall', '-y', *environment.unwanted)
        if environment.alone:
            run(*pip, 'install', '--no-deps', '--force-reinstall', *environment.alone)
    finished.touch()
    return python
